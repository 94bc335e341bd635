/** What tests outside the packages use; contract suites are imported from their own files. */
export { type RunningApp, type StartAppOptions, startApp } from './in-process-app.ts';
export { type RunningServer, type StartServerOptions, startServer } from './server-launcher.ts';
