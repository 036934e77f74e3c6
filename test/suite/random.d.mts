/** Random numbers that can be had again: the same seed gives the same sequence. Gives numbers in [0, 1). */
export function seeded(text: string): () => number;
