/** Does what Lambda's runtime does: calls the handler for each event, one after the other. argv: the handler's file. */
import { pathToFileURL } from 'node:url';

const { handler } = await import(pathToFileURL(process.argv[2]).href);

process.on('message', async ({ event, awsRequestId }) => {
  const answer = await handler(event, { awsRequestId }).then(
    (result) => ({ result }),
    (error) => ({ failed: error.message }),
  );
  process.send(answer);
});
