// The answer to the application, sent on without a click. A field could be called "submit", so not form.submit().
HTMLFormElement.prototype.submit.call(document.getElementById("form-post"));
