import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { context, type SpanContext, trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { traceMembers } from '../../src/fields/trace.js';
import { onEnd, useChild } from '../support/use-servers.js';

const fields = () => Object.fromEntries(traceMembers().map(({ name, value }) => [name, value]));

test('without an SDK there is no trace', () => {
  expect(traceMembers()).toEqual([]);
});

test('a record has the ids of its span', () => {
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

test('a span without flags is recorded with flags 00', () => {
  const provider = new NodeTracerProvider();
  provider.register();
  onEnd(() => provider.shutdown());
  const ids = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
  const span = trace.wrapSpanContext(ids as SpanContext);
  context.with(trace.setSpan(context.active(), span), () => {
    expect(fields()).toEqual({ trace_id: ids.traceId, span_id: ids.spanId, trace_flags: '00' });
  });
});

test.each([
  ['a span of zeros', { traceId: '0'.repeat(32), spanId: '0'.repeat(16) }],
  ['ids of another length', { traceId: 'abc', spanId: 'b7ad6b7169203331' }],
  ['ids that are not hexadecimal', { traceId: 'g'.repeat(32), spanId: 'b7ad6b7169203331' }],
  ['ids that are not text', { traceId: 7, spanId: 8 }],
])('%s is not recorded', (_what, ids) => {
  const provider = new NodeTracerProvider();
  provider.register();
  onEnd(() => provider.shutdown());
  const span = trace.wrapSpanContext(ids as unknown as SpanContext);
  context.with(trace.setSpan(context.active(), span), () => expect(fields()).toEqual({}));
});

test.each(['cjs', 'esm'] as const)(
  'a bundle (%s) finds the trace as well, although no package can be loaded by its name',
  async (format) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'loghive-trace-'));
    onEnd(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, format === 'cjs' ? 'bundle.cjs' : 'bundle.mjs');
    await build({
      stdin: {
        contents: `
        import { trace } from '@opentelemetry/api';
        import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
        import { traceMembers } from '../../src/fields/trace.ts';
        new NodeTracerProvider().register();
        trace.getTracer('test').startActiveSpan('request', (span) => {
          const named = Object.fromEntries(traceMembers().map(({ name, value }) => [name, value]));
          console.log(named.trace_id === span.spanContext().traceId && named.span_id === span.spanContext().spanId);
        });`,
        resolveDir: import.meta.dirname,
      },
      // As esbuild recommends for ES modules: CommonJS packages need a `require`.
      banner:
        format === 'esm'
          ? { js: "import { createRequire } from 'node:module'; const require = createRequire('/');" }
          : {},
      bundle: true,
      platform: 'node',
      format,
      outfile: file,
      logLevel: 'error',
    });
    const child = useChild(file, { cwd: folder });
    await child.exited;
    expect(child.lines).toEqual(['true']);
  },
);
