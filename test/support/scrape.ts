/** The values of a scrape by series: `loghive_records_stored_total{service="shop",level="INFO"}`. */
export function seriesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** Fetches a path of the consumer's HTTP server: text and status. */
export async function fetched(port: number | undefined, path: string): Promise<{ status: number; body: string }> {
  // As a probe does: the server may close an idle connection at any moment.
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  return { status: response.status, body: await response.text() };
}
