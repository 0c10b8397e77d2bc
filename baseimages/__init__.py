"""A family of edge AI container base images: declare, plan, build, inspect, measure, report."""
