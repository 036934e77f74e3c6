/** Loghive and the baseline of `call-redact`: records without secrets, like almost all records. */
import { serveRedact } from './serve-redact.mjs';

serveRedact((information) => information);
