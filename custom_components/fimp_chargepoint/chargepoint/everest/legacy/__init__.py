"""EVerest's API before v1: charge points that say everything each second."""
