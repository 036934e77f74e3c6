/** Logs 12 records and ends before it is connected. env.SETTINGS: options of the client as JSON. */
import { LoggerClient } from 'loghive';

const logger = new LoggerClient(JSON.parse(process.env.SETTINGS));
for (let number = 0; number < 12; number++) logger.info(`record ${number}`);
process.exit(3);
