"""The nouns, in the data's order; each may know the earlier ones only.

batch, event, metric, cost, change, anomaly, evidence, incident, analysis, decision, action, execution, case, briefing
"""
