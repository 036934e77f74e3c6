/** The output formats of `loghive patterns`. Pure. */
export const PATTERN_FORMATS = ['pretty', 'json', 'ndjson', 'csv'] as const;
export type PatternFormat = (typeof PATTERN_FORMATS)[number];
