export async function GET(request, { params }) {
  const { order } = await params;
  console.info('order looked up', { requestId: request.headers.get('x-request-id'), order });
  return Response.json({ order });
}
