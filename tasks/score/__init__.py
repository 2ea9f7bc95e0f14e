"""How likely texts are under pi_0 of the plain question (eq. 6), and how far apart they are in meaning (eq. 9)."""
