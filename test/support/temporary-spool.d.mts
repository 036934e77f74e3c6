/** Sets LOGHIVE_SPOOL_DIR to a new folder, which is removed when this process exits. */
export function useTemporarySpool(): void;
