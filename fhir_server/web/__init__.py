"""Pages and endpoints that are not FHIR: the authorization server's and the login's."""
