// Prints the names that each entry gives to `import`.
const entries = ['loghive', 'loghive/winston', 'loghive/pino', 'loghive/console', 'loghive/consumer'];
const names = {};
for (const entry of entries) names[entry] = Object.keys(await import(entry)).sort();
console.log(JSON.stringify(names));
