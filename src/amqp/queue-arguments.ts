/**
 * What a queue that exists was declared with. AMQP has no question for it, but an active declaration is refused with the
 * first difference by name and value; declared again with that value, it is refused with the next one. Policies are
 * invisible over AMQP.
 */
import { PRECONDITION_FAILED } from './reply.js';
import type { Answer } from './throwaway-channel.js';

export type QueueArguments = Readonly<Record<string, unknown>>;

/** More arguments than RabbitMQ compares. */
const MAX_QUESTIONS = 24;

/**
 * @param declare asks whether a declaration with these arguments is equivalent.
 * @param refusal the broker's words for the first declaration, with `wanted`.
 * @param guess what a queue like it was found to have: most have the same history.
 * @returns undefined where the broker refuses for another reason.
 */
export async function learnArguments(
  declare: (declared: QueueArguments) => Promise<Answer>,
  wanted: QueueArguments,
  refusal: string,
  guess: QueueArguments | undefined,
): Promise<QueueArguments | undefined> {
  let declared = wanted;
  let difference = differenceIn(refusal);
  if (guess !== undefined && difference !== undefined) {
    const answer = await declare(guess);
    if (answer.ok) return guess;
  }
  for (let question = 0; difference !== undefined && question < MAX_QUESTIONS; question++) {
    const { name, current } = difference;
    const { [name]: _, ...others } = declared;
    declared = current === undefined ? others : { ...others, [name]: current };
    const answer = await declare(declared);
    if (answer.ok) return declared;
    difference = answer.code === PRECONDITION_FAILED ? differenceIn(answer.text) : undefined;
    // What was just set to the broker's own value and is refused again cannot be learnt.
    if (difference?.name === name) return undefined;
  }
  return undefined;
}

/** Undefined for words about anything but an argument. Pure. */
function differenceIn(text: string): { readonly name: string; readonly current: unknown } | undefined {
  const found = /inequivalent arg '(x-[^']+)' for queue .* but current is (?:none|(.*))$/s.exec(text);
  if (!found) return undefined;
  const [, name = '', value] = found;
  if (value === undefined) return { name, current: undefined };
  // `the value '3' of type 'signedint'`; the type is missing where RabbitMQ compares the values themselves.
  const [, written = '', type = ''] = /'(.*?)'(?: of type '(\w+)')?$/s.exec(value) ?? [];
  return { name, current: parsedValue(written, type) };
}

function parsedValue(written: string, type: string): unknown {
  if (type === 'bool') return written === 'true';
  return type === 'longstr' || !/^-?\d+$/.test(written) ? written : Number(written);
}
