/** Next calls `register` once at server start. From then on, console output is recorded. */
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { patchConsole } = await import('loghive/console');
  patchConsole(); // LOGHIVE_SERVICE and LOGHIVE_URL set the service name and the broker
}

export function onRequestError(error, request, context) {
  console.error('request failed', error, {
    requestId: request.headers['x-request-id'],
    path: request.path,
    route: context.routePath,
  });
}
