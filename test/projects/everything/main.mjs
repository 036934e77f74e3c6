import { LoggerClient } from 'loghive';
import { patchConsole } from 'loghive/console';
import { loghivePino } from 'loghive/pino';
import { LoghiveTransport } from 'loghive/winston';
import pino from 'pino';
import winston from 'winston';
import run from './run.cjs';

run({ LoggerClient, LoghiveTransport, loghivePino, patchConsole, pino, winston });
