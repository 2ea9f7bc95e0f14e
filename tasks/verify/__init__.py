"""The gate v_ans · v_rea (section 3.4.1): see tasks/verify/verify.py for the public entry."""
