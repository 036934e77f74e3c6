export default {
  serverExternalPackages: ['loghive'], // required as it is, not bundled: one connection for the whole server
};
