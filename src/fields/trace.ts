/**
 * The active span of OpenTelemetry, if the application uses it.
 *
 * @module
 */
import type { Member } from './member.js';

/**
 * Every copy of `@opentelemetry/api` 1.x stores the API that an SDK has registered under the first symbol, and the span
 * of a context under the second. They are used instead of the package, which cannot be loaded by name in a bundle or
 * under Yarn's Plug'n'Play.
 * `test/fields/trace.test.ts` fails if a version of the package has other symbols.
 */
const REGISTRY = Symbol.for('opentelemetry.js.api.1');
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN');

/** The part of the registered API that is used here. */
interface Registry {
  readonly context?: { active(): { getValue(key: symbol): unknown } };
}

interface Span {
  spanContext(): { readonly traceId: unknown; readonly spanId: unknown; readonly traceFlags?: number };
}

const holder = globalThis as { [REGISTRY]?: Registry };
const NONE: readonly Member[] = [];

/**
 * `trace_id`, `span_id` and `trace_flags` of the active span, named and formatted as by OpenTelemetry's own
 * instrumentations of Winston and Pino. None without an active span.
 */
export function traceMembers(): readonly Member[] {
  const contexts = holder[REGISTRY]?.context;
  if (!contexts) return NONE;
  try {
    const span = contexts.active().getValue(SPAN) as Span | undefined;
    if (!span) return NONE;
    const { traceId, spanId, traceFlags } = span.spanContext();
    if (!isId(traceId, 32) || !isId(spanId, 16)) return NONE;
    return [
      { name: 'trace_id', value: traceId, json: `"${traceId}"` },
      { name: 'span_id', value: spanId, json: `"${spanId}"` },
      { name: 'trace_flags', value: `0${(traceFlags ?? 0).toString(16)}`.slice(-2) },
    ];
  } catch {
    return NONE; // an SDK's own code runs here
  }
}

/** Whether an id is valid by the specification: hexadecimal digits, not all zero. */
function isId(id: unknown, digits: number): id is string {
  return typeof id === 'string' && id.length === digits && /^(?!0+$)[\da-f]+$/i.test(id);
}
