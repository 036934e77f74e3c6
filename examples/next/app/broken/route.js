export const dynamic = 'force-dynamic';

export async function GET() {
  throw new Error('the warehouse does not answer');
}
