/**
 * The kind of an agent that was made in a wire format which does not say who speaks. It can be used once a person has
 * given it a kind of this version.
 */
export const UNBOUND_AGENT_KIND = 'unbound'
