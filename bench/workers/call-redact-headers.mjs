/** Loghive and the baseline of `call-redact-headers`: each record contains a request with secrets. */
import { serveRedact } from './serve-redact.mjs';

const headers = {
  host: 'api.example.com',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  accept: 'application/json, text/plain, */*',
  'accept-encoding': 'gzip, deflate, br, zstd',
  authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
  cookie: 'session=0123456789abcdef; theme=dark',
};

serveRedact((information) => ({ ...information, request: { method: 'GET', url: '/orders?page=2', headers } }));
