/**
 * The active span of OpenTelemetry, where the application uses that.
 *
 * @module
 */
import { createRequire } from 'node:module';
import type { Member } from './member.js';

type TraceApi = Pick<typeof import('@opentelemetry/api'), 'trace' | 'isSpanContextValid'>;

/** Where `@opentelemetry/api` 1.x, in whichever copy, keeps what an SDK has registered. */
const REGISTRY = Symbol.for('opentelemetry.js.api.1');
const NONE: readonly Member[] = [];
let api: TraceApi | 'missing' | undefined;

/**
 * `trace_id`, `span_id` and `trace_flags` of the span that is active now, as OpenTelemetry's own instrumentations of
 * Winston and Pino name and write them; none where there is no span. The API is loaded when the application has
 * registered an SDK, and not before.
 */
export function traceMembers(): readonly Member[] {
  if (!(globalThis as { [REGISTRY]?: unknown })[REGISTRY]) return NONE;
  api ??= load();
  if (api === 'missing') return NONE;
  try {
    const context = api.trace.getActiveSpan()?.spanContext();
    if (!context || !api.isSpanContextValid(context)) return NONE;
    const { traceId, spanId, traceFlags } = context;
    return [
      { name: 'trace_id', value: traceId, json: `"${traceId}"` },
      { name: 'span_id', value: spanId, json: `"${spanId}"` },
      { name: 'trace_flags', value: `0${(traceFlags ?? 0).toString(16)}`.slice(-2) },
    ];
  } catch {
    return NONE; // an SDK's own code runs here
  }
}

function load(): TraceApi | 'missing' {
  try {
    return createRequire(import.meta.filename)('@opentelemetry/api') as TraceApi;
  } catch {
    return 'missing';
  }
}
