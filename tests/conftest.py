"""What every suite shares: properties are searched without a deadline, since timing never decides a test."""

from hypothesis import settings

settings.register_profile("firstbell", deadline=None)
settings.register_profile("long", deadline=None, max_examples=2_000, stateful_step_count=60)
settings.load_profile("firstbell")
