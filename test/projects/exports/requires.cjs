// Prints the names that each entry gives to `require`.
const entries = ['loghive', 'loghive/winston', 'loghive/pino', 'loghive/console', 'loghive/consumer'];
console.log(JSON.stringify(Object.fromEntries(entries.map((entry) => [entry, Object.keys(require(entry)).sort()]))));
