export const hostileMessages: Record<
  string,
  [properties: Record<string, unknown>, body: () => Buffer, outcome: [records: number, deadLetters: number]]
>;
