/** The calls by name. */
export const calls: Record<string, () => void>;
/** Calls that depend on each other, in this order. */
export const groups: Record<string, () => void>;
