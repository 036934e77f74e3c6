/** Both sides of `call-redact`: records without a secret, as nearly all are. */
import { serveRedact } from './serve-redact.mjs';

serveRedact((information) => information);
