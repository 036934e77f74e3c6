/** The shop's products and their stock. */
const products = [
  { id: 'kettle', name: 'Copper kettle', priceCents: 6900, left: 40 },
  { id: 'teapot', name: 'Stoneware teapot', priceCents: 3400, left: 25 },
  { id: 'cup', name: 'Porcelain cup', priceCents: 1200, left: 300 },
  { id: 'sencha', name: 'Sencha, first flush', priceCents: 1850, left: 120 },
  { id: 'assam', name: 'Assam, loose leaf', priceCents: 950, left: 500 },
  { id: 'strainer', name: 'Tea strainer', priceCents: 780, left: 60 },
];

export function search(words) {
  const wanted = words.toLowerCase();
  return products.filter(({ name }) => name.toLowerCase().includes(wanted));
}

/** Takes one piece from the stock and returns the product; undefined if it is unknown or sold out. */
export function takeOne(id) {
  const product = products.find((each) => each.id === id);
  if (product === undefined || product.left === 0) return undefined;
  product.left -= 1;
  return product;
}

export function putBack(product) {
  product.left += 1;
}
