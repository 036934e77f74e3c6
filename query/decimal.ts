/** Numbers of JSON, digit by digit, as PostgreSQL handles them. `Number` would round those past 2^53. Pure. */

interface Decimal {
  readonly negative: boolean;
  /** Without zeros at either end; empty for zero. */
  readonly digits: string;
  /** The number is 0.digits × 10^exponent. */
  readonly exponent: number;
}

/** Negative if `one` is less than `other`, zero if they are equal (`7` and `7.0`). Both are numbers of JSON. */
export function compareNumbers(one: string, other: string): number {
  const [a, b] = [parse(one), parse(other)];
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const order = compareMagnitudes(a, b);
  return a.negative ? -order : order;
}

/** Without an exponent and needless zeros, as PostgreSQL writes it: `1e3` → `1000`. */
export function plainNumber(number: string): string {
  const { negative, digits, exponent } = parse(number);
  const whole = exponent > 0 ? digits.slice(0, exponent).padEnd(exponent, '0') : '0';
  const fraction = exponent > 0 ? digits.slice(exponent) : `${'0'.repeat(-exponent)}${digits}`;
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function compareMagnitudes(a: Decimal, b: Decimal): number {
  if (a.digits === '' || b.digits === '') return a.digits.length - b.digits.length;
  if (a.exponent !== b.exponent) return a.exponent - b.exponent;
  return a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0;
}

function parse(number: string): Decimal {
  const [mantissa = '', power = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const all = whole + fraction;
  const significant = all.replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  const exponent = digits === '' ? 0 : Number(power) + whole.length - (all.length - significant.length);
  return { negative: number.startsWith('-') && digits !== '', digits, exponent };
}
