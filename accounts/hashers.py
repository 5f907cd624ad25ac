from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 46 MiB, three passes and one lane.

    Above OWASP's least cost, while one sign-in needs half of the memory that Django's default takes, so that
    twenty people signing in at once do not exhaust a small host.
    """

    time_cost = 3
    memory_cost = 46 * 1024
    parallelism = 1
