"""EVerest's API before v1: charge points that repeat all values every second."""
