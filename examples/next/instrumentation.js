/** Next calls `register` once, when the server starts: from then on the console is recorded. */
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { patchConsole } = await import('loghive/console');
  patchConsole(); // LOGHIVE_SERVICE and LOGHIVE_URL say as what, and where to
}

export function onRequestError(error, request, context) {
  console.error('request failed', error, {
    requestId: request.headers['x-request-id'],
    path: request.path,
    route: context.routePath,
  });
}
