"""Networks, page loads, identity, devices: what a school's technology measures about itself."""
