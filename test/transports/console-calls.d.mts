/** By name; what they print is what Node prints of them. */
export const calls: Record<string, () => void>;
/** Calls that belong to one another. */
export const groups: Record<string, () => void>;
