const { LoggerClient } = require('loghive');
const { patchConsole } = require('loghive/console');
const { loghivePino } = require('loghive/pino');
const { LoghiveTransport } = require('loghive/winston');
const pino = require('pino');
const winston = require('winston');
const run = require('./run.cjs');

run({ LoggerClient, LoghiveTransport, loghivePino, patchConsole, pino, winston });
