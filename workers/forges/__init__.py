"""What is the same on every forge: deliveries in, jobs, and what is said back."""
