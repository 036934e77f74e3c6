import { connect } from 'node:net';

/**
 * Evaluates Erlang expressions in a test node through its control socket (rabbitmq-boot.erl). Each call uses a new
 * connection, so there is nothing to clean up and a killed node simply does not answer.
 */
export function evaluate({ controlHost = '127.0.0.1', controlPort, controlSecret }, code, timeoutMs = 20_000) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: controlPort, host: controlHost, noDelay: true });
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const fail = (error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(`the RabbitMQ test node did not evaluate ${excerpt(code)}: ${error.message}`, { cause: error }));
    };
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('it closed the control connection')));
    socket.once('connect', () => {
      const body = Buffer.from(`${controlSecret}\n${code.trimEnd().endsWith('.') ? code : `${code}.`}`);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      socket.write(Buffer.concat([length, body]));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readUInt32BE(0)) return;
      const answer = received.toString('utf8', 4);
      if (!answer.startsWith('ok ')) return fail(new Error(answer.slice(3)));
      clearTimeout(timer);
      socket.removeAllListeners('close');
      socket.destroy();
      resolve(answer.slice(3));
    });
  });
}

/** A JavaScript string as an Erlang binary literal, with any content. */
export function binary(text) {
  return `<<${[...Buffer.from(String(text))].join(',')}>>`;
}

function excerpt(code) {
  const oneLine = code.replace(/\s+/g, ' ').trim();
  return oneLine.length > 120 ? `${oneLine.slice(0, 120)}…` : oneLine;
}
