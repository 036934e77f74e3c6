/** Reproducible random numbers in [0, 1): the same seed gives the same sequence. */
export function seeded(text: string): () => number;
