"""How a FIMP adapter describes its charge points on request."""

from typing import Any

from .chargepoint import FimpChargepoint


def group(point: FimpChargepoint) -> str:
    """Return the group of services of the connector."""
    return point.adapter.habits.group.format(point.address.partition("_")[2] or 0)


def product(point: FimpChargepoint) -> str:
    """Return the name of the product; some adapters only know the serial number."""
    return point.profile.product or point.serial


def product_hash(point: FimpChargepoint) -> str:
    """Return adapter, manufacturer and product as one name; empty if nothing is known."""
    if not point.profile.manufacturer:
        return ""
    adapter = point.adapter.adapter.replace("_", " ").title()
    return f"{adapter} - {point.profile.manufacturer} - {product(point)}"


def node(point: FimpChargepoint) -> dict[str, Any]:
    """Describe the charge point as a node of its network."""
    technology, quality, way = point.profile.network
    return {
        "address": point.thing,
        "hash": product_hash(point),
        "alias": product(point),
        "power_source": "ac",
        "wakeup_interval": "-1",
        "comm_tech": technology,
        "status": "UP" if point.linked else "DOWN",
        "operationability": [],
        "conn_quality": quality,
        "conn_type": way,
    }


def inclusion(point: FimpChargepoint) -> dict[str, Any]:
    """Describe the charge point with all its services."""
    profile = point.profile
    product_id, hardware, software = profile.versions
    services = [
        {
            "name": service,
            "alias": "",
            "address": point.adapter.service_address(service, point.address),
            "enabled": True,
            "groups": [group(point)],
            "props": profile.properties(service),
            "tags": None,
            "prop_set_ref": "",
            "interfaces": profile.interfaces(service),
        }
        for service in profile.services
    ]
    return {
        "address": point.thing,
        "groups": [group(point)],
        "services": services,
        "product_name": product(point),
        "product_hash": product_hash(point),
        "product_id": product_id,
        "manufacturer_id": profile.manufacturer,
        "device_id": point.serial,
        "hw_ver": hardware,
        "sw_ver": software,
        "comm_tech": profile.network[0],
        "power_source": "ac",
        "wakeup_interval": "-1",
        "security": profile.security,
        "tech_specific_props": None,
        "prop_set": None,
    }


def vinculum_services(point: FimpChargepoint) -> dict[str, Any]:
    """Describe the services as a hub does: interface names only, in the hub's order."""
    profile = point.profile
    return {
        service: {
            "addr": point.adapter.service_address(service, point.address),
            "enabled": True,
            "intf": sorted(row["msg_t"] for row in profile.interfaces(service)),
            "props": profile.properties(service),
        }
        for service in profile.services
    }


def resource(name: str, title: str) -> dict[str, Any]:
    """Describe an adapter for discovery."""
    return {
        "resource_name": name,
        "resource_type": "ad",
        "resource_full_name": title,
        "description": "Simulated charge points",
        "author": "simulators",
        "version": "1",
        "package_name": "",
        "state": "",
        "app_info": {},
        "adapter_info": {
            "fw_version": "all",
            "technology": name,
            "hw_dependency": None,
            "network_management_type": "inclusion_exclusion",
        },
        "config_required": False,
        "configs": None,
        "props": None,
        "doc_url": "",
        "is_instance_configurable": False,
        "instance_id": "1",
    }
