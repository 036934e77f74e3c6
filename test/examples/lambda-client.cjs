/**
 * Replaces the runtime's addon and behaves like it: waiting for the next event keeps the process running, nothing else
 * does, and answers are sent synchronously. Events come from stdin, one a line; answers go to stdout.
 */
const fs = require('node:fs');

let rest = '';

function nextLine(resolve, reject) {
  const end = rest.indexOf('\n');
  if (end !== -1) {
    const line = rest.slice(0, end);
    rest = rest.slice(end + 1);
    resolve(line);
    return;
  }
  fs.read(0, Buffer.alloc(4096), 0, 4096, null, (error, bytes, buffer) => {
    if (error?.code === 'EAGAIN') setTimeout(nextLine, 5, resolve, reject);
    else if (error || bytes === 0) reject(error ?? new Error('no more events'));
    else {
      rest += buffer.subarray(0, bytes);
      nextLine(resolve, reject);
    }
  });
}

const answer = (kind, id, body) => fs.writeSync(1, `answer ${JSON.stringify({ kind, id, body: JSON.parse(body) })}\n`);

module.exports = {
  initializeClient() {},
  async next() {
    const { id, event } = JSON.parse(await new Promise(nextLine));
    const headers = {
      'lambda-runtime-aws-request-id': id,
      'lambda-runtime-deadline-ms': String(Date.now() + 60_000),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:1:function:example',
    };
    return { bodyJson: JSON.stringify(event), headers };
  },
  done: (id, body) => answer('done', id, body),
  error: (id, body) => answer('error', id, body),
};
