// Prints the files that a `require` of the given entry loads.
require(process.argv[2]);
console.log(JSON.stringify(Object.keys(require.cache)));
