import { context, type SpanContext, trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { expect, test } from 'vitest';
import { traceMembers } from '../../src/fields/trace.js';
import { onEnd } from '../support/use-servers.js';

const fields = () => Object.fromEntries(traceMembers().map(({ name, value }) => [name, value]));

test('without an SDK there is no trace, and the API is not loaded', () => {
  expect(traceMembers()).toEqual([]);
});

test('a record says which span it belongs to', () => {
  const provider = new NodeTracerProvider();
  provider.register();
  onEnd(() => provider.shutdown());
  expect(fields()).toEqual({});
  trace.getTracer('test').startActiveSpan('request', (span) => {
    const { traceId, spanId } = span.spanContext();
    expect(fields()).toEqual({ trace_id: traceId, span_id: spanId, trace_flags: '01' });
    span.end();
  });
  expect(fields()).toEqual({});
});

test('a span that says nothing of its flags is named all the same', () => {
  const provider = new NodeTracerProvider();
  provider.register();
  onEnd(() => provider.shutdown());
  const ids = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
  const span = trace.wrapSpanContext(ids as SpanContext);
  context.with(trace.setSpan(context.active(), span), () => {
    expect(fields()).toEqual({ trace_id: ids.traceId, span_id: ids.spanId, trace_flags: '00' });
  });
});
