/** A script that opens a connection, waits for a state, and has nothing else to do. */
import { Connection } from '../../dist/esm/src/amqp/connection.js';

const [settings, until] = process.argv.slice(2);
const connection = new Connection(JSON.parse(settings), { connectionName: 'child', keepsProcessAlive: false });
connection.open();
const timer = setInterval(() => {
  if (connection.status().state !== until) return;
  clearInterval(timer);
  console.log('end of the script');
}, 5);
