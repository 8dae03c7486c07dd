package resttest

// ClientID and ClientSecret are what an app is known by at the service.
func (s *Server) ClientID() string { return "quittance-app" }

// ClientSecret is the app's.
func (s *Server) ClientSecret() string { return "app/s3cret+" }
