/**
 * Finds out the arguments of an existing queue. AMQP has no request for that, but the broker refuses a redeclaration
 * with the name and value of the first difference. Redeclared with that value, it reports the next one. Policies are
 * not visible over AMQP.
 */
import { PRECONDITION_FAILED } from './broker-reply.js';
import type { Answer } from './throwaway-channel.js';

export type QueueArguments = Readonly<Record<string, unknown>>;

/** Maximum number of redeclarations: more than the number of arguments that RabbitMQ compares. */
const MAX_DECLARATIONS = 24;

/**
 * @param declare attempts to declare the queue with these arguments.
 * @param refusal the broker's reply text to the declaration with `wanted`.
 * @param guess the arguments of a similar queue: most queues were declared the same way.
 * @returns undefined if the broker refuses for another reason.
 */
export async function findArguments(
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
  for (let attempt = 0; difference !== undefined && attempt < MAX_DECLARATIONS; attempt++) {
    const { name, current } = difference;
    const { [name]: _, ...others } = declared;
    declared = current === undefined ? others : { ...others, [name]: current };
    const answer = await declare(declared);
    if (answer.ok) return declared;
    difference = answer.code === PRECONDITION_FAILED ? differenceIn(answer.text) : undefined;
    // An argument that is refused with the broker's own value cannot be found out.
    if (difference?.name === name) return undefined;
  }
  return undefined;
}

/** Undefined if the text is not about an argument. Pure. */
function differenceIn(text: string): { readonly name: string; readonly current: unknown } | undefined {
  const found = /inequivalent arg '(x-[^']+)' for queue .* but current is (?:none|(.*))$/s.exec(text);
  if (!found) return undefined;
  const [, name = '', value] = found;
  if (value === undefined) return { name, current: undefined };
  // `the value '3' of type 'signedint'`; RabbitMQ omits the type for some arguments.
  const [, written = '', type = ''] = /'(.*?)'(?: of type '(\w+)')?$/s.exec(value) ?? [];
  return { name, current: parsedValue(written, type) };
}

function parsedValue(written: string, type: string): unknown {
  if (type === 'bool') return written === 'true';
  return type === 'longstr' || !/^-?\d+$/.test(written) ? written : Number(written);
}
