// A CommonJS application that runs the consumer itself, until SIGTERM.
const { startConsumer } = require('loghive/consumer');

startConsumer([process.env.LOGHIVE_SERVICE]).then((consumer) => {
  console.log(consumer.status().state);
  process.once('SIGTERM', () => consumer.stop().then(() => console.log(consumer.status().state)));
});
