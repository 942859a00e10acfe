"""Code that runs inside every sandbox. Sent as source; Python 3.8 to 3.14, standard library."""
