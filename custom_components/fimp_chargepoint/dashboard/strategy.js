// The dashboard strategy "EV charge points": Home Assistant asks for its cards here.
// The cards themselves are chosen by the integration (see `dashboard/__init__.py`).

const TYPE = "fimp-chargepoint";

class ChargePointsStrategy extends HTMLElement {
  // The dashboard is made anew if one of these registries changes.
  static registryDependencies = ["entities", "devices"];

  static generate(_config, hass) {
    return hass.callWS({ type: "fimp_chargepoint/dashboard", language: hass.language });
  }
}

customElements.define(`ll-strategy-dashboard-${TYPE}`, ChargePointsStrategy);

window.customStrategies = window.customStrategies || [];
window.customStrategies.push({
  type: TYPE,
  strategyType: "dashboard",
  name: "EV charge points",
  description: "A section for each charge point, with the cards that fit it",
});
