// Prints the files that an `import` of the given entry loads, through a hook of the module loader.
import { register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

const hook = `
  let port;
  export function initialize(data) { port = data.port; }
  export async function load(url, context, next) { port.postMessage(url); return next(url, context); }
`;
const { port1, port2 } = new MessageChannel();
const files = [];
port1.on('message', (url) => files.push(url)).unref();
register(`data:text/javascript,${encodeURIComponent(hook)}`, { data: { port: port2 }, transferList: [port2] });

await import(process.argv[2]);
await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify(files));
